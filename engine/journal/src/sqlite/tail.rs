//! The end of the write-ahead log, where a loss of power or a bad disk shows first.
//!
//! SQLite reads its log up to the last commit whose checksums hold, and passes over the rest without
//! a word; a log whose header is damaged it passes over as a whole. This module looks at the same
//! bytes (the layout is that of <https://www.sqlite.org/fileformat2.html#walformat>) and says what
//! SQLite does not. Owns that judgement only: never writes.

use std::{fs, io, thread, time::Duration};

use camino::Utf8Path;

const HEADER: usize = 32;
const FRAME: usize = 24;
const MAGIC: u32 = 0x377f_0682;

/// What the log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    /// Every frame of this round belongs to a commit that can be read.
    Sound,
    /// What stands behind the last commit that can be read belongs to this round, too.
    Torn(Torn),
    /// The header is damaged: SQLite would take the log for empty.
    Headless,
}

/// An end that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Torn {
    /// How many bytes.
    pub(super) bytes: u64,
    /// How many commits end in it. They may have been complete once.
    pub(super) commits: u64,
}

/// Looks at the log of a database. While somebody writes, its end is no end.
pub(super) fn look(database: &Utf8Path) -> io::Result<Log> {
    match fs::read(format!("{database}-wal")) {
        Ok(bytes) => Ok(judge(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Log::Sound),
        Err(error) => Err(error),
    }
}

/// Whether the log has a header that SQLite would pass over. Asked several times, because somebody
/// may just be writing it.
pub(crate) fn is_headless(database: &Utf8Path) -> io::Result<bool> {
    for _ in 0..5 {
        if has_header(database)? {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

fn has_header(database: &Utf8Path) -> io::Result<bool> {
    use io::Read as _;
    let mut header = Vec::with_capacity(HEADER);
    match fs::File::open(format!("{database}-wal")) {
        Ok(file) => file.take(HEADER as u64).read_to_end(&mut header)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    Ok(begins_nothing(&header) || Header::read(&header).is_some())
}

/// A log that was made and not written, or cut by a loss of power before its first frame.
fn begins_nothing(bytes: &[u8]) -> bool {
    bytes.len() < HEADER || bytes[..HEADER].iter().all(|byte| *byte == 0)
}

struct Header {
    big_endian: bool,
    page: usize,
    salts: [u32; 2],
    sum: [u32; 2],
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| big_endian(bytes, at * 4);
        let magic = word(0)?;
        let big_endian = magic & 1 == 1;
        let sum = checksum(bytes.get(..24)?, [0, 0], big_endian);
        let page = match word(2)? {
            1 => 65536,
            page => page as usize,
        };
        let sound = magic & !1 == MAGIC
            && sum == [word(6)?, word(7)?]
            && page.is_power_of_two()
            && (512..=65536).contains(&page);
        sound.then_some(Self {
            big_endian,
            page,
            salts: [word(4)?, word(5)?],
            sum,
        })
    }
}

fn judge(bytes: &[u8]) -> Log {
    if begins_nothing(bytes) {
        return Log::Sound;
    }
    let Some(header) = Header::read(bytes) else {
        return Log::Headless;
    };
    let size = FRAME + header.page;
    let (mut sum, mut whole) = (header.sum, true);
    // Of what stands behind the last commit that can be read.
    let (mut last, mut commits) = (None, 0);
    let mut committed = 0;
    for (at, frame) in bytes[HEADER..].chunks(size).enumerate() {
        let word = |at: usize| big_endian(frame, at * 4).unwrap_or_default();
        let (salts, commit) = ([word(2), word(3)], word(1) != 0);
        // An earlier round, which this one has not overwritten yet, has neither of its salts.
        let of_this_round = salts[0] == header.salts[0] || salts[1] == header.salts[1];
        whole = whole && salts == header.salts && frame.len() == size;
        if whole {
            sum = checksum(&frame[..8], sum, header.big_endian);
            sum = checksum(&frame[FRAME..], sum, header.big_endian);
            whole = sum == [word(4), word(5)];
        }
        if whole && commit {
            (committed, last) = (at + 1, None);
        } else if whole || of_this_round {
            last = Some(at + 1);
            commits += u64::from(commit);
        }
    }
    match last {
        None => Log::Sound,
        Some(last) => Log::Torn(Torn {
            bytes: ((last - committed) * size) as u64,
            commits,
        }),
    }
}

fn big_endian(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(word.try_into().ok()?))
}

fn checksum(bytes: &[u8], from: [u32; 2], big_endian: bool) -> [u32; 2] {
    let [mut a, mut b] = from;
    let (words, _) = bytes.as_chunks::<4>();
    let (pairs, _) = words.as_chunks::<2>();
    let number = if big_endian {
        u32::from_be_bytes
    } else {
        u32::from_le_bytes
    };
    for [x, y] in pairs {
        a = a.wrapping_add(number(*x)).wrapping_add(b);
        b = b.wrapping_add(number(*y)).wrapping_add(a);
    }
    [a, b]
}
