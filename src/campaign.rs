//! The lives of campaigns and their runs: from an audience and a text to a frozen run, the slots when they
//! come, and every step from draft to finished. Nothing outside writes the state of either.

pub mod fire;
pub mod freeze;
pub mod lifecycle;
