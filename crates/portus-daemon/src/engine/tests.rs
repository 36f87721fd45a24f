//! Tests of the engine against the toys.
