//! Builds again when a migration is changed: `sqlx::migrate!` embeds the folder, and cargo cannot see that.

fn main() {
    println!("cargo:rerun-if-changed=../../../migrations/gateway");
    println!("cargo:rerun-if-changed=tests/migrations");
}
