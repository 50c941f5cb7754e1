from .establish import Founding as Founding
from .record import DeploymentRecord as DeploymentRecord
from .record import load_deployment as load_deployment
from .record import save_deployment as save_deployment
