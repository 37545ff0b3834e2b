//! Terminals of all kinds, and none.

#[test]
fn without_a_terminal_the_program_refuses_and_names_the_commands() {
    let home = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pia-halo")).env("HOME", home.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("setup"));
}
