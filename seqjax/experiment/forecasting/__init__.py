"""What experiments share that forecast series, in the order of its use.

tables        which series there are
splits        which rows are learnt from, chosen by, and measured on
fitting       what is read off the training part: scales, a linear map
forecaster    the settings of a forecaster, and what it reads and learns
continuation  a run that goes on from another
backtest      forecasts from many origins, and how far they were off
bands         how wide they must be to hold what they promise
output        a figure's panel, and a table to write
"""
