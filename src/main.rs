//! The netdns program: all of it stands in the library.

fn main() -> std::process::ExitCode {
    netdns::cli::main()
}
