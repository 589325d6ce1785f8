"""The settings: one ``barline.toml``, assembled from the sections of every package."""
