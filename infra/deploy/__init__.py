"""What runs terrasweep elsewhere, written from one small file: images, clusters, MLflow."""
