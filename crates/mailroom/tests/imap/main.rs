//! The IMAP server as clients hear it: transcripts, bytes in and bytes out, over a store in a temporary folder.

mod adding;
mod anything;
mod both_ends;
mod changing;
mod client;
mod finding;
mod folders;
mod modern;
mod reading;
mod returning;
mod sharing;
mod threading;
