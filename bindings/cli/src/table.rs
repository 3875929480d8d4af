//! Tables on a terminal: a rule above, below and under the titles, numbers to the right.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

const RULES: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// An empty table whose first column is text and whose others are numbers.
pub fn titled(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(RULES);
    table.set_header(titles.to_vec());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
