//! What travels, against golden files and member by member.

mod golden;
mod requests;
mod shapes;
