"""The engine: one loop, its log, its state, its losses."""
