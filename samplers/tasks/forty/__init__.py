"""ForTy: which kind of forest, or none, grows in a patch."""
