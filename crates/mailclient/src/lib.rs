//! mailclient
