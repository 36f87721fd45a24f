//! Offers ports to coding agents.
