//! Tests: each row of the table in `authentication.rs`, and its neighbours.
