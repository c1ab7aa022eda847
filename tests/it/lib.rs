//! Nothing is here; the tests are in main.rs.
