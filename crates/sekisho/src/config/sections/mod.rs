//! The sections of the file. Each module has the section as it is written, what it says once it was checked, and what
//! is built from that; [`check`] has what concerns several sections.

pub(crate) mod accounts;
pub(crate) mod authapi;
pub(in crate::config) mod check;
pub(crate) mod doors;
pub(crate) mod incoming;
pub(crate) mod ldap;
pub(in crate::config) mod network;
pub(in crate::config) mod policy;
pub(crate) mod records;
pub(crate) mod relay;
pub(crate) mod site;
pub(crate) mod tls;
pub(crate) mod upstream;
pub(crate) mod web;
