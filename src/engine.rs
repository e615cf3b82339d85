//! The engine: what the project exists for. [`core`] decides, [`driver`] does the I/O around it; one
//! engine per database, by [`lock`]; [`sidecar`] tells a copy from a crash; [`recovery`] settles what
//! a crash left, before any link opens.

pub mod core;
pub mod sidecar;
