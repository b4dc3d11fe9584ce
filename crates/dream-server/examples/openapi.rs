//! Prints the description of the interface, as it is committed in `openapi.json`.

fn main() {
    #[expect(clippy::print_stdout, reason = "it is what this example is for")]
    {
        println!("{:#}", dream_server::openapi());
    }
}
