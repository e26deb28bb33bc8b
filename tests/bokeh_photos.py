"""A data set that other processes load: one photo, turned, with seeded random bokeh."""

from torch.utils.data import Dataset

from cocnet.augment import CameraRanges, RandomBokeh


class BokehPhotos(Dataset):
    def __init__(self, photo, depth):
        self.photo, self.depth = photo, depth
        self.bokeh = RandomBokeh(CameraRanges(focus="random"), p=1.0, seed=3)

    def __len__(self):
        return 4

    def __getitem__(self, number):
        return self.bokeh(self.photo.roll(number, -1), self.depth)[0]
