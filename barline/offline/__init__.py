"""Files in, clean tables out, in one process: what ``barline offline`` runs."""
