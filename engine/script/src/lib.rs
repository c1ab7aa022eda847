//! Rhai scripts to runbooks: a closed world in which steps are declared and nothing is done.
