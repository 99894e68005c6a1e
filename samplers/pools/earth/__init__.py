"""The real Earth, coarse: true-colour patches and monthly series anywhere on land."""
