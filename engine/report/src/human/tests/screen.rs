//! A terminal of as much as the live area needs: what is on it after some bytes.

/// The lines on a screen of so many columns; trailing blanks are not shown. Like a terminal it
/// wraps only when something is written behind the last column.
pub(super) fn show(bytes: &str, columns: usize) -> String {
    let mut screen: Vec<Vec<char>> = vec![vec![]];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut chars = bytes.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => column = 0,
            '\n' => (row, column) = (row + 1, 0),
            '\u{1b}' => {
                assert_eq!(chars.next(), Some('['));
                let mut number = String::new();
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    number.push(digit);
                }
                let number = number.parse().unwrap_or(1);
                match chars.next() {
                    Some('A') => row = row.checked_sub(number).expect("above the first line"),
                    Some('B') => row += number,
                    Some('K') => screen[row].clear(),
                    other => panic!("a sequence that no terminal was asked for: {other:?}"),
                }
            }
            c => {
                if column == columns {
                    (row, column) = (row + 1, 0);
                }
                screen.resize(screen.len().max(row + 1), vec![]);
                let line = &mut screen[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
        screen.resize(screen.len().max(row + 1), vec![]);
    }
    let lines: Vec<String> = screen
        .iter()
        .map(|line| line.iter().collect::<String>().trim_end().to_owned())
        .collect();
    lines.join("\n").trim_end().to_owned()
}
