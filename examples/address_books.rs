//! Writes the example county's address books: `address_books [CONTACTS] [SEED] [DIR]`.

use std::{env, fs, path::PathBuf};

use anyhow::Context;
use watchbell::demo::county;

fn main() -> anyhow::Result<()> {
    let mut args = env::args().skip(1);
    let contacts = args
        .next()
        .map_or(Ok(60), |n| n.parse())
        .context("CONTACTS is a number")?;
    let seed = args
        .next()
        .map_or(Ok(2023), |n| n.parse())
        .context("SEED is a number")?;
    let dir = PathBuf::from(args.next().unwrap_or_else(|| "config/examples".into()));
    fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    for book in county::address_books(contacts, seed)? {
        let path = dir.join(book.file_name);
        fs::write(&path, &book.bytes)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        println!(
            "{}  {}: {} people",
            path.display(),
            book.group,
            book.accepted
        );
        for planted in book.planted {
            println!("    row {}: {}", planted.row, planted.code);
        }
    }
    Ok(())
}
