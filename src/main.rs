//! Arguments → command → exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    watchbell::cli::main(std::env::args_os()).into()
}
