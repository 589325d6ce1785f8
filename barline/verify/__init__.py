"""Is what stands in topics and tables what must stand there? Recorded log, recomputed, compared.

Every stage is run again, in this process, over the recorded log of its own input topic: log order, not luck,
defines the truth. What a stage must have put out is compared with what its output topics hold, and the rows
that follow from it with the rows of the tables.
"""
