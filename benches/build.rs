//! Lets the program whose instructions are counted be asked for random numbers instead of the system: see
//! `budgets/paths.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bin=paths=-Wl,--export-dynamic-symbol=getrandom");
    }
}
