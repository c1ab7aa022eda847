//! The only place where the stages meet: the dispatcher, the executor, resume and rollback.
