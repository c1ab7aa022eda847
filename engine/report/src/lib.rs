//! What people and programs see of a run: lines, a live tree, JSON events.
