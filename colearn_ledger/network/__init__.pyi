from .up import LocalNetwork as LocalNetwork
from .up import Stakeholder as Stakeholder
