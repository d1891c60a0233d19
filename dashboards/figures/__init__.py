"""The pictures: pure functions from numbers to Plotly figures, with no request, query or clock."""
