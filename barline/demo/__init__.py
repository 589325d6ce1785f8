"""The main job: a day through the whole system on real servers, and every row checked."""
