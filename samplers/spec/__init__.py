"""What a sweep file may say about compositions, pools and tasks, as light values."""
