from xml.etree import ElementTree

from sluice.training.curve import csv, svg
from sluice.training.loop import Point

POINTS = [Point("copying", 25, 4.5, 0.5), Point("conversations", 50, 1.25, 0.8)]


def test_csv_has_a_line_for_each_point():
    assert csv(POINTS) == "stage,step,loss,accuracy\ncopying,25,4.50000,0.50000\nconversations,50,1.25000,0.80000\n"


def test_svg_is_well_formed_and_draws_both_series():
    root = ElementTree.fromstring(svg(POINTS))
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2
    assert all(len(line.attrib["points"].split()) == 2 for line in lines)
