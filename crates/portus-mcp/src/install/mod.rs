//! Installs the server into clients.
