//! Builds again when a migration is added: `sqlx::migrate!` embeds the folder, and cargo cannot see that.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/customization");
}
