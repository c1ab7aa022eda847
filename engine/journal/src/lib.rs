//! The durable event log of a state store, and the lock of a deployment.
