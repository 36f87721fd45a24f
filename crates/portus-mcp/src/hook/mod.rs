//! Hooks of clients.
