//! Keeps batches of two MiB each, all different, in the host's memory.

use tidegate_hostile::{Batch, Result, attack, failure, get, rows};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let mut text = rows(0, 1, 2 << 20).into_bytes();
        let end = text.len() - 3;
        let mut hoard = Vec::new();
        for number in b'!'..b'!' + 40 {
            get("/users")?;
            text[end - 1] = b'a' + (number - b'!') % 26;
            text[end - 2] = b'a' + (number - b'!') / 26;
            hoard.push(Batch::from_json(&text)?);
        }
        Err(failure(format!("the host holds {} batches of two MiB for a guest of 16", hoard.len())))
    }
}
