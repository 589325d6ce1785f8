"""A seeded simulated market day: twelve symbols, four calendars, and every fault planted on purpose."""
