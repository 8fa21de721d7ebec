"""The weekly assignment: requests with windows, shared people and rooms, placed at once and provably near the best.

Pure: files and arrays in, a plan out. The optimiser never writes bookings; what it proposes is applied by the same
booking function as any other. See docs/decisions/0007-assign.md.
"""
