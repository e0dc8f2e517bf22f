//! webmail
