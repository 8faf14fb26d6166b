//! Does what its configuration says, byte by byte: any call of the contract, in any order, with any arguments and with
//! handles that it was never given. A fuzzer holds the strings.

use std::mem::forget;

use tidegate_hostile::{
    Batch, Error, Page, Pending, Request, Result, attack, begin, black_box, checkpoint, clock, delete, fetch, log,
    truncate, update, upsert,
};

attack! {
    fn sync(config: &str, _: Option<&str>) -> Result<()> {
        let script = config.split('"').nth(3).unwrap_or_default();
        let nibbles: Vec<u8> = script.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        let bytes: Vec<u8> = nibbles.chunks(2).map(|pair| pair.iter().fold(0, |byte, nibble| byte << 4 | nibble)).collect();
        let mut puppet = Puppet { script: &bytes, handles: Vec::new() };
        while !puppet.script.is_empty() {
            puppet.step()?;
        }
        Ok(())
    }
}

struct Puppet<'a> {
    script: &'a [u8],
    /// The numbers of all handles that it got, of whatever kind, dropped or not.
    handles: Vec<u32>,
}

/// Texts that mean something to the host.
const TEXTS: [&str; 16] = [
    "user",
    "/users",
    "",
    "/0/id",
    "id",
    "name",
    "integer",
    "instant",
    "instant:%Y-%m-%dT%H@+02:00",
    "text",
    r#"[{"id":"1","name":"Ann"},{"id":"3"}]"#,
    r#"[{"id":null}]"#,
    "GET",
    "content-type",
    "{}",
    "limit.requests",
];

impl Puppet<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.script.split_first() else { return 0 };
        self.script = rest;
        *first
    }

    fn number(&mut self) -> u32 {
        (0..4).fold(0, |number, _| number << 8 | u32::from(self.byte()))
    }

    /// A known text, or any bytes at all.
    fn text(&mut self) -> String {
        let kind = self.byte();
        if kind < 0xc0 {
            return TEXTS[usize::from(kind) % TEXTS.len()].to_owned();
        }
        let bytes = (0..kind - 0xc0).map(|_| self.byte()).collect();
        // SAFETY: nothing here reads it; the host must not trust it either.
        unsafe { String::from_utf8_unchecked(bytes) }
    }

    fn texts(&mut self) -> Vec<(String, String)> {
        (0..self.byte() % 4).map(|_| (self.text(), self.text())).collect()
    }

    fn handle(&mut self) -> u32 {
        let at = usize::from(self.byte());
        match self.handles.len() {
            known if known > 0 && at < 0xf8 => self.handles[at % known],
            _ => self.number(),
        }
    }

    // SAFETY of all three: a handle is a number; whether and of what kind it is ours is for the host to say. None is
    // dropped unless the script says so.
    fn page(&mut self) -> std::mem::ManuallyDrop<Page> {
        std::mem::ManuallyDrop::new(unsafe { Page::from_handle(self.handle()) })
    }

    fn batch(&mut self) -> std::mem::ManuallyDrop<Batch> {
        std::mem::ManuallyDrop::new(unsafe { Batch::from_handle(self.handle()) })
    }

    fn pending(&mut self) -> Pending {
        unsafe { Pending::from_handle(self.handle()) }
    }

    fn request(&mut self) -> Request {
        let (method, path) =
            if self.byte() < 0xc0 { ("GET".into(), "/users".into()) } else { (self.text(), self.text()) };
        let (query, headers) = (self.texts(), self.texts());
        let body = (self.byte() > 0xc0).then(|| self.text().into_bytes());
        Request { method, path, query, headers, body }
    }

    fn keep_page(&mut self, page: Result<Page>) {
        if let Ok(page) = page {
            self.handles.push(page.take_handle());
        }
    }

    fn keep(&mut self, batch: Batch) {
        self.handles.push(batch.take_handle());
    }

    /// One call. Errors of the host are passed over, as no honest strategy would.
    fn step(&mut self) -> Result<()> {
        match self.byte() % 32 {
            0..=2 => {
                let page = fetch(&self.request());
                self.keep_page(page);
            }
            3 => {
                if let Ok(pending) = begin(&self.request()) {
                    self.handles.push(pending.take_handle());
                }
            }
            4 => {
                let page = Pending::wait(self.pending());
                self.keep_page(page);
            }
            5 => drop(self.pending()),
            6 => {
                black_box(self.page().status());
            }
            7 => {
                let name = self.text();
                black_box(self.page().header(&name));
            }
            8 => {
                let pointer = self.text();
                black_box(self.page().get(&pointer));
            }
            9 | 10 => {
                let pointer = self.text();
                if let Ok(batch) = self.page().records(&pointer) {
                    self.keep(batch);
                }
            }
            11 => {
                black_box(self.page().body());
            }
            12 => drop(std::mem::ManuallyDrop::into_inner(self.page())),
            13 => {
                if let Ok(batch) = Batch::from_json(self.text().as_bytes()) {
                    self.keep(batch);
                }
            }
            14 => {
                black_box(self.batch().len());
            }
            15 => {
                let (field, order) = (self.text(), self.text());
                let until = (self.byte() > 0x80).then(|| self.text());
                black_box(self.batch().span(&field, &order, until.as_deref()).is_ok());
            }
            16 => {
                let field = self.text();
                black_box(self.batch().column(&field));
            }
            17 => {
                let (start, end) = (self.number(), self.number());
                let slice = self.batch().slice(start, end);
                self.keep(slice);
            }
            18 => {
                let field = self.text();
                let having = self.batch().having(&field);
                self.keep(having);
            }
            19 => {
                let earlier = self.batch();
                let unseen = self.batch().unseen(&earlier);
                self.keep(unseen);
            }
            20 => {
                let fields = [self.text(), self.text()];
                black_box(self.batch().fingerprint(&fields));
            }
            21 => {
                black_box(self.batch().json());
            }
            22 => drop(std::mem::ManuallyDrop::into_inner(self.batch())),
            23 => drop(upsert(&self.text(), &self.batch())),
            24 => drop(update(&self.text(), &self.batch())),
            25 => drop(delete(&self.text(), &self.batch())),
            26 => drop(truncate(&self.text())),
            27 => drop(checkpoint(&self.text())),
            28 => {
                black_box(clock::started() + clock::now());
            }
            29 => log::write(&self.text(), &self.text()),
            30 => forget(vec![1u8; self.number() as usize % (1 << 22)]),
            _ => return Err(Error { code: self.text(), message: self.text(), details: self.texts() }),
        }
        Ok(())
    }
}
