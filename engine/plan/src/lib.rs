//! Decisions as values: what a run would do and what a rollback would take back.
