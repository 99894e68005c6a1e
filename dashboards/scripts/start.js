// Starts the libraries above on what the page holds; without scripts the page says the same.
for (const table of document.querySelectorAll("table.long"))
  new DataTable(table, {
    paging: false, info: false, autoWidth: false, order: [],
    language: { search: "Filter the rows:" },
  });
for (const chart of document.querySelectorAll(".chart-live"))
  vegaEmbed(chart, JSON.parse(chart.nextElementSibling.textContent), {
    mode: "vega-lite", renderer: "svg", actions: false, ast: true,
    tooltip: { disableDefaultStyle: true },
  });
