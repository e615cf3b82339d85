//! Use cases: what a clerk, an approver or an auditor may do, every act audited; the doors' only way in.

pub mod audit;
pub mod password;
