//! The hands: files, processes, packages and probes on the machine it runs on.
