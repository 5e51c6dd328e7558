//! Builds again when a migration of the tests is changed: `sqlx::migrate!` embeds the folder, and cargo cannot see that.

fn main() {
    println!("cargo:rerun-if-changed=tests/migrations");
}
