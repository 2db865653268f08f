//! The pages as a browser sees them, over HTTP: one file for each page, and one for what holds for all.

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod decision;
mod device;
mod home;
mod login;
mod refused;
mod safety;
