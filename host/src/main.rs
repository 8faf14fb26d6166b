//! The `tidegate` program: parse, run, exit code. See `cli`.

fn main() -> std::process::ExitCode {
    tidegate::cli::main()
}
